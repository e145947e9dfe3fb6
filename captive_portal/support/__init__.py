"""When something does not work: what is wrong, reports of it, and carrying on in another browser."""
