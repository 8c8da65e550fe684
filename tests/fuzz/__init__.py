"""The loader under hostile files: `make fuzz`."""
