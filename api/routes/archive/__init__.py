"""The archive: the list of conversations, tags, and changes of many conversations."""
