"""What a job, its pictures and their files are kept in: SQLAlchemy over SQLite or PostgreSQL, and a folder."""
