"""Who is who, and who belongs: keys, signed values, membership, invitations (floor 1)."""
