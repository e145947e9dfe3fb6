"""What the law gives people over their data and what they agreed to."""
