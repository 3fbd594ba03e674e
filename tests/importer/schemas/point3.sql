-- Sessions become accounts (their indexes keep the old word), and messages have a status.
RENAME TABLE whatsapp_sessions TO whatsapp_accounts;
ALTER TABLE chats RENAME COLUMN whatsapp_session_id TO whatsapp_account_id;
ALTER TABLE contact_sessions RENAME COLUMN whatsapp_session_id TO whatsapp_account_id;
ALTER TABLE whatsapp_groups RENAME COLUMN whatsapp_session_id TO whatsapp_account_id;
ALTER TABLE chats
  ADD COLUMN whatsapp_message_id varchar(128) DEFAULT NULL,
  ADD COLUMN message_status enum('pending','sent','delivered','read','failed') NOT NULL DEFAULT 'pending',
  ADD COLUMN ack_level tinyint DEFAULT NULL,
  ADD COLUMN delivered_at timestamp NULL DEFAULT NULL,
  ADD COLUMN read_at timestamp NULL DEFAULT NULL,
  ADD COLUMN retry_count tinyint NOT NULL DEFAULT '0';
ALTER TABLE contacts
  ADD COLUMN last_message_at timestamp NULL DEFAULT NULL,
  ADD COLUMN last_activity timestamp NULL DEFAULT NULL;
