"""Directed cases, one module a noun, one guarantee a case."""
