"use strict";

const byId = (id) => document.getElementById(id);
let openPhone = null;
let shownPhones = "";
let shownChats = "";

async function control(name, body) {
  const response = await fetch("/ctl/" + name, { method: "POST", body: JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

function say(id, text, bad = false) {
  byId(id).textContent = text;
  byId(id).classList.toggle("bad", bad);
}

function onSubmit(formId, statusId, act) {
  byId(formId).addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      say(statusId, await act(Object.fromEntries(new FormData(event.target))));
    } catch (error) {
      say(statusId, error.message, true);
    }
    refresh();
  });
}

onSubmit("scan", "link-status", async (fields) => {
  const answer = await control("scan", fields);
  byId("qr").value = "";
  openPhone = answer.phone;
  return `Scanned: ${answer.phone} is linked.`;
});

onSubmit("code", "link-status", async (fields) => {
  const answer = await control("enter_code", fields);
  openPhone = answer.phone;
  return `${answer.phone} is linked.`;
});

onSubmit("write", "write-status", async (fields) => {
  await control("incoming", { ...fields, phone: openPhone });
  byId("text").value = "";
  return "Sent.";
});

for (const button of document.querySelectorAll("[data-control]")) {
  button.addEventListener("click", async () => {
    try {
      await control(button.dataset.control, { phone: openPhone });
      say("write-status", "Done.");
    } catch (error) {
      say("write-status", error.message, true);
    }
    refresh();
  });
}

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function showPhones(accounts) {
  byId("none").hidden = accounts.length > 0;
  const shown = JSON.stringify([accounts, openPhone]);
  if (shown === shownPhones) return;
  shownPhones = shown;
  const focused = document.activeElement?.dataset?.phone;
  byId("phones").replaceChildren(...accounts.map((account) => {
    const state = account.banned ? "banned" : account.locked ? "locked"
      : account.connected ? "connected" : account.devices ? "client away" : "no client linked";
    const waiting = account.waiting ? `, ${account.waiting} waiting` : "";
    const button = element("button", { type: "button" },
      element("strong", {}, "+" + account.phone), " ", element("span", { className: "quiet" }, state + waiting));
    button.dataset.phone = account.phone;
    button.setAttribute("aria-pressed", String(account.phone === openPhone));
    button.addEventListener("click", () => { openPhone = account.phone; refresh(); });
    return element("li", {}, button);
  }));
  if (focused) document.querySelector(`[data-phone="${focused}"]`)?.focus();
}

function words(message) {
  const content = message.content;
  return content.body ?? content.caption ?? content.emoji ?? content.name ?? "";
}

function file({ content: { media } }) {
  return media ? [" ", element("a", { href: "/media/" + media.ref }, media.filename ?? media.mime)] : [];
}

function showChats(chats) {
  const shown = JSON.stringify(chats);
  if (shown === shownChats) return;
  shownChats = shown;
  const wasOpen = new Set([...document.querySelectorAll("#chats details[open]")].map((d) => d.dataset.chat));
  const focused = document.activeElement?.parentElement?.dataset?.chat;
  chats.sort((a, b) => (b.last_message_at ?? 0) - (a.last_message_at ?? 0));
  byId("chats").replaceChildren(...chats.map((chat, place) => {
    const messages = chat.messages.map((message) => element("li", { className: message.from_me ? "mine" : "" },
      element("span", { className: "quiet" },
        `${message.from_me ? "this account" : message.push_name ?? message.sender} · ${message.content.type} `),
      words(message), ...file(message)));
    const details = element("details", { open: wasOpen.has(chat.id) || (place === 0 && wasOpen.size === 0) },
      element("summary", {}, chat.name ?? chat.id, element("span", { className: "quiet" }, ` ${chat.id}`)),
      element("ol", { className: "messages" }, ...messages));
    details.dataset.chat = chat.id;
    return details;
  }));
  if (focused) document.querySelector(`[data-chat="${CSS.escape(focused)}"] summary`)?.focus();
  byId("people").replaceChildren(...chats.map((chat) => element("option", { value: chat.id }, chat.name ?? "")));
}

async function refresh() {
  try {
    const accounts = await (await fetch("/ctl/accounts?limit=200")).json();
    if (openPhone === null && accounts.length) openPhone = accounts[0].phone;
    showPhones(accounts);
    byId("open-phone").hidden = openPhone === null;
    if (openPhone !== null) {
      byId("open-number").textContent = "+" + openPhone;
      const response = await fetch("/ctl/chats?phone=" + encodeURIComponent(openPhone));
      if (response.ok) showChats(await response.json());
    }
  } catch {
    say("link-status", "The emulator does not answer.", true);
  }
}

byId("qr").value = new URLSearchParams(location.search).get("qr") ?? "";
if (byId("qr").value) byId("scan-phone").focus();
refresh();
setInterval(() => { if (!document.hidden) refresh(); }, 1000);
