"""From windows, words and turns to segments."""
