"""The forms of signing in and of accounts."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, BaseUserCreationForm, UsernameField
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from pictopy_site.accounts import Role


class SignInForm(AuthenticationForm):
    """Django's, with the length of a name checked as well: its own field says so to browsers only."""

    username = UsernameField(max_length=150, widget=forms.TextInput(attrs={"autofocus": True}))


class FirstAdministratorForm(BaseUserCreationForm):  # type: ignore[type-arg]  # not generic at run time
    """A name and a password twice, held to AUTH_PASSWORD_VALIDATORS. The user is made by `welcome`, not saved here."""

    class Meta:
        model = User
        fields = ("username",)
        help_texts = {"username": "Letters, digits and @ . + - _"}
        widgets = {"username": forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"})}

    def clean_username(self) -> str:
        username: str = self.cleaned_data["username"]
        if User.objects.filter(username__iexact=username).exists():
            self.add_error("username", "This name is taken.")
        return username


def _role() -> forms.ChoiceField:
    return forms.ChoiceField(
        choices=Role.choices, help_text="Administrators add folders and accounts. Nobody sees what others keep private."
    )


class AddAccountForm(FirstAdministratorForm):
    """The same for somebody else, who may also choose the password by themselves. Saved by `accounts`."""

    role = _role()
    field_order = ["username", "role", "password1", "password2"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.attrs["autocomplete"] = "off"
        for name in ("password1", "password2"):
            self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        """A password twice or not at all."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if bool(cleaned.get("password1")) != bool(cleaned.get("password2")):
            self.add_error("password2", ValidationError(self.error_messages["password_mismatch"]))
        return cleaned


class AccountForm(forms.Form):
    """What somebody may do."""

    role = _role()
    is_active = forms.BooleanField(
        required=False,
        label="May sign in",
        help_text="Without it the account is closed, at once and on all devices. Albums and favourites stay.",
    )
