"""The controller: reconciles every Hall into a media pod."""
