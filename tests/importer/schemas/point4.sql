-- Contacts know their kind and their account (as a signed number, without a foreign key).
ALTER TABLE chats
  ADD COLUMN message_id varchar(255) DEFAULT NULL,
  ADD COLUMN sent_at timestamp NULL DEFAULT NULL,
  ADD COLUMN updated_at timestamp NULL DEFAULT NULL;
ALTER TABLE contacts
  ADD COLUMN full_name varchar(191) DEFAULT NULL,
  ADD COLUMN chat_type enum('private','group') NOT NULL DEFAULT 'private',
  ADD COLUMN group_name varchar(191) DEFAULT NULL,
  ADD COLUMN participants_count int DEFAULT NULL,
  ADD COLUMN provider_type enum('meta','webjs') DEFAULT NULL,
  ADD COLUMN whatsapp_account_id int DEFAULT NULL,
  ADD COLUMN unread_messages int NOT NULL DEFAULT '0';
