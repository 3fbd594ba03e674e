-- Groups.
CREATE TABLE whatsapp_groups (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  uuid char(36) NOT NULL UNIQUE,
  workspace_id bigint unsigned NOT NULL,
  whatsapp_session_id bigint unsigned NOT NULL,
  group_jid varchar(191) NOT NULL UNIQUE,
  name varchar(191) NOT NULL,
  owner_phone varchar(50) DEFAULT NULL,
  participants json NOT NULL,
  settings json DEFAULT NULL,
  group_created_at timestamp NULL DEFAULT NULL,
  created_at timestamp NULL DEFAULT NULL,
  updated_at timestamp NULL DEFAULT NULL,
  CONSTRAINT whatsapp_groups_whatsapp_session_id_foreign FOREIGN KEY (whatsapp_session_id)
    REFERENCES whatsapp_sessions (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

ALTER TABLE chats
  ADD COLUMN provider_type varchar(20) DEFAULT NULL,
  ADD COLUMN chat_type enum('private','group') DEFAULT NULL,
  ADD COLUMN group_id bigint unsigned DEFAULT NULL,
  ADD CONSTRAINT fk_chats_group_id FOREIGN KEY (group_id) REFERENCES whatsapp_groups (id) ON DELETE SET NULL;
