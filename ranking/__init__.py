"""WHAT: which variant each recipient gets. Features, segments, embeddings, debiasing, model, scorer, policy, evaluation."""
