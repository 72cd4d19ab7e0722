"""What a model is worth beside others, before it may decide."""
