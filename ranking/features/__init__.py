"""Features, fitted once and computed by one function for training and serving, with what they are made from."""
