"""The demo: two workspaces with people, tokens and a campaign each. Made by the shipped services, once."""
