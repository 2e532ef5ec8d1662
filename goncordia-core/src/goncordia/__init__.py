"""A job queue for the database you already have."""
