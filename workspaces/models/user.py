from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A person's login. What they may do comes from memberships, never from Django's own permissions."""

    class Meta(AbstractUser.Meta):
        swappable = "AUTH_USER_MODEL"

    def __str__(self) -> str:
        return self.get_full_name() or self.username
