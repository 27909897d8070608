"""The server: durable jobs, a gallery, the protocols that people's clients speak, and the page."""
