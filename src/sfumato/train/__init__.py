"""Training, all of it: one loop, and what each network learns in it."""
