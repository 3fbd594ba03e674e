-- Accounts, then called sessions, and which contact has written with which of them.
CREATE TABLE whatsapp_sessions (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  uuid char(36) NOT NULL UNIQUE,
  workspace_id bigint unsigned NOT NULL,
  session_id varchar(191) NOT NULL UNIQUE,
  phone_number varchar(50) DEFAULT NULL,
  provider_type enum('meta','webjs') NOT NULL DEFAULT 'webjs',
  status enum('qr_scanning','authenticated','connected','disconnected','failed') NOT NULL DEFAULT 'qr_scanning',
  qr_code text,
  session_data longtext,
  is_primary tinyint(1) NOT NULL DEFAULT '0',
  is_active tinyint(1) NOT NULL DEFAULT '1',
  last_activity_at timestamp NULL DEFAULT NULL,
  last_connected_at timestamp NULL DEFAULT NULL,
  metadata json DEFAULT NULL,
  created_by bigint unsigned NOT NULL,
  created_at timestamp NULL DEFAULT NULL,
  updated_at timestamp NULL DEFAULT NULL,
  deleted_at timestamp NULL DEFAULT NULL,
  CONSTRAINT whatsapp_sessions_workspace_id_foreign FOREIGN KEY (workspace_id) REFERENCES workspaces (id)
    ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE contact_sessions (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  contact_id bigint unsigned NOT NULL,
  whatsapp_session_id bigint unsigned NOT NULL,
  total_messages int NOT NULL DEFAULT '0',
  UNIQUE KEY contact_sessions_contact_id_whatsapp_session_id_unique (contact_id, whatsapp_session_id),
  CONSTRAINT contact_sessions_contact_id_foreign FOREIGN KEY (contact_id) REFERENCES contacts (id) ON DELETE CASCADE,
  CONSTRAINT contact_sessions_whatsapp_session_id_foreign FOREIGN KEY (whatsapp_session_id)
    REFERENCES whatsapp_sessions (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

ALTER TABLE chats
  ADD CONSTRAINT chats_whatsapp_session_id_foreign FOREIGN KEY (whatsapp_session_id) REFERENCES whatsapp_sessions (id)
    ON DELETE SET NULL;
