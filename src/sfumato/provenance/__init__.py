"""Where a picture came from: the recipe that it carries."""
