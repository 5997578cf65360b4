"""Pledge intake: turns mails, chats, calls and forms into ticket events."""
