// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: The godwit authors

// Questions.  <dialog> keeps the focus inside, and restores it.
const $ = (id) => document.getElementById(id);

// {title, text, detail, yes, no, danger}: returns whether the answer was yes.  Escape is no,
// and so is Enter at once: the focus is on no where yes does harm.
export function ask(question) {
  const dialog = $("ask");
  $("ask-title").textContent = question.title;
  $("ask-text").textContent = question.text;
  $("ask-detail").textContent = question.detail ?? "";
  $("ask-yes").textContent = question.yes;
  $("ask-no").textContent = question.no;
  $("ask-yes").className = question.danger ? "danger" : "primary";
  return new Promise((answer) => {
    const close = (value) => () => dialog.close(value);
    $("ask-yes").onclick = close("yes");
    $("ask-no").onclick = close("no");
    // The event comes late: it may belong to the previous question.
    dialog.onclose = () => dialog.open || answer(dialog.returnValue === "yes");
    dialog.returnValue = "no";
    dialog.showModal();
    $(question.danger ? "ask-no" : "ask-yes").focus();
  });
}

// Asks for the token, without a way to cancel.
export function askToken(wrong) {
  const dialog = $("token");
  $("token-wrong").hidden = !wrong;
  return new Promise((answer) => {
    let text = "";
    // A browser closes the dialog on Escape, whatever the page says.
    dialog.onclose = () => dialog.open || (text ? answer(text) : dialog.showModal());
    $("token-form").onsubmit = (event) => {
      event.preventDefault();
      text = $("token-text").value.trim();
      $("token-text").value = "";
      dialog.close();
    };
    dialog.showModal();
  });
}
