"""The process: joins all rooms; nobody imports it."""
