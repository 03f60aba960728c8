"""What composes the apps' admin modules into one console: the site, its navigation, its dashboard."""
