"""Real peers on loopback and the people who use them, for stories that read like a conversation."""
