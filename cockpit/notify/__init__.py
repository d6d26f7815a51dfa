"""Who is told, and how."""

from cockpit.notify.profile import for_profile

__all__ = ["for_profile"]
