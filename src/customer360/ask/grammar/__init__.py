"""The rules that make conditions, measures, groups and orders of the chunks of a question, a file a subject."""
