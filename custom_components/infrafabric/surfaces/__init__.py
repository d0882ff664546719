"""What people and other systems see of the mesh and the studios: notifications and webhooks."""
