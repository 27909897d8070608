"""Who may ask what: hosts, origins, tokens, quotas, limits, headers."""
