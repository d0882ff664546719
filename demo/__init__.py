"""Two real Home Assistants and an agent in one mesh: the demo, and what integration tests drive."""
