"""From the user's words to token ids, and what of those words a model cannot see."""
