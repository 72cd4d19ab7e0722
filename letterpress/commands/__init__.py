"""The commands, one file per subject; each registers its own through `app_commands(app)`."""
