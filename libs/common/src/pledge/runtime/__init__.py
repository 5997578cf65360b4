"""The plumbing of Pledge's services: no event, no domain. Never imports pledge.events.

Importing it takes time zones from the locked package `tzdata` for the whole process.
"""

from pledge.runtime.zone_data import use_locked_data

use_locked_data()
