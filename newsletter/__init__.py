"""A newsletter of research papers in which every mail is different."""

__version__ = "0.1.0"
