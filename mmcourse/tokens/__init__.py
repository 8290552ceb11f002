"""What changes: how each modality becomes a sequence of vectors, and how a sequence becomes an output again."""
