"""The forms of signing in."""

from __future__ import annotations

from django import forms
from django.contrib.auth.forms import AuthenticationForm, BaseUserCreationForm, UsernameField
from django.contrib.auth.models import User


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
