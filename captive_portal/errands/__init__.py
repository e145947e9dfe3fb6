"""What the portal does for a journey by itself, while the browser waits on a page of its own."""
