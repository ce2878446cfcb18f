"""What the dashboard remembers: one row per job ever seen, in SQLite or PostgreSQL."""
