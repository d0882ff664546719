"""What all tests of the library share."""

from hypothesis import HealthCheck, settings

# A machine that halts for a second is no mistake of an example.
settings.register_profile(
    "unhurried",
    settings.get_profile(settings.get_current_profile_name()),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("unhurried")
