"""WHERE things are kept: the database (SQLAlchemy), the lake (Parquet) and the decision store (Redis)."""
