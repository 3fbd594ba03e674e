// What happens in chats and to messages, as it happens.

function watchChats() {
  const { ContactStore, GroupMetadataStore, MsgStore } = WPP.whatsapp;
  on(WPP, 'chat.new_message', tellMessage);
  on(MsgStore, 'change:type', tellUnsealed);
  on(WPP, 'chat.msg_ack_change', ({ ack, chat: where, sender, ids }) => {
    const { ChatStore } = WPP.whatsapp;
    const known = ChatStore.get(where) || ChatStore.get(other(where)); // receipts may name the other identity
    const id = String(known ? known.id : where);
    tell('receipt', { ack, chat: id, participant: text(sender), ids: ids.map((key) => key.id), t: now() });
  });
  on(WPP, 'chat.new_reaction', ({ id, msgId, reactionText, sender, timestamp }) => {
    const emoji = reactionText || '';
    if (id.fromMe && told.delete(`reaction ${msgId.id} ${emoji}`)) return;
    tell('reaction', { ...about(id, msgId, sender), emoji, t: timestamp });
  });
  on(WPP, 'chat.msg_edited', ({ msg }) => {
    if (remember(mark(msg.latestEditMsgKey || msg.id))) tell('edit', editOf(msg));
  });
  on(WPP, 'chat.msg_revoke', ({ id, refId, author, from }) => {
    tell('revoke', { ...about(id, refId, author || from), t: Date.now() / 1000 });
  });
  on(WPP, 'chat.presence_change', ({ id, state, isGroup, participants }) => {
    const busy = (word) => word === 'composing' || word === 'recording';
    const writing = isGroup ? (participants || []).filter((person) => busy(person.state)) : [];
    const active = isGroup ? writing.length > 0 : busy(state);
    tell('typing', { chat: String(id), participant: writing.length ? writing[0].id : undefined, active });
  });
  on(ContactStore, 'change:name change:pushname', (model) => {
    if (model.id.isUser()) tell('contact', { contact: contact(model) });
  });
  const changed = new Set(); // groups: several changes of a moment are one event
  const tellGroup = (id) => {
    if (!changed.size) queueMicrotask(tellGroups);
    changed.add(String(id));
  };
  const tellGroups = () => {
    for (const id of changed) {
      const metadata = GroupMetadataStore.get(id);
      if (metadata) tell('group', { group: group(metadata) });
    }
    changed.clear();
  };
  on(GroupMetadataStore, 'change:subject change:owner', (metadata) => tellGroup(metadata.id));
  on(WPP, 'group.participant_changed', ({ groupId }) => tellGroup(groupId));
}

/** What a reaction, an edit and a deletion have in common. */
function about(key, target, sender) {
  return {
    id: key.id,
    from_me: key.fromMe,
    chat: String(target.remote),
    chat_alt: other(target.remote),
    sender: text(sender),
    sender_alt: other(sender),
    target: target.id,
  };
}

function editOf(model) {
  const edit = model.latestEditMsgKey || model.id;
  const body = model.type === 'chat' ? model.body : model.caption;
  const t = model.latestEditSenderTimestampMs || Date.now();
  return { ...about(edit, model.id, model.author || model.from), body: text(body) || '', t };
}
