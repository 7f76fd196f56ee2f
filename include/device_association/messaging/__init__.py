"""The outbox, the queue's messages that start a bulk change, and the notification that follows it."""
