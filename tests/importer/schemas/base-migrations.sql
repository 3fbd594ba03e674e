-- The back end at the first point of its history, every table made by a migration.
-- Only the tables and columns that an import reads or meets; types, defaults and collations as they are there.
CREATE TABLE users (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  first_name varchar(128) NOT NULL,
  email varchar(191) NOT NULL,
  created_at timestamp NULL DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE workspaces (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  uuid char(50) NOT NULL UNIQUE,
  identifier varchar(128) NOT NULL,
  name varchar(191) DEFAULT NULL,
  status varchar(20) NOT NULL DEFAULT 'active',
  metadata json DEFAULT NULL,
  created_by bigint unsigned NOT NULL,
  deleted_at timestamp NULL DEFAULT NULL,
  created_at timestamp NULL DEFAULT NULL,
  updated_at timestamp NULL DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE contacts (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  uuid char(50) NOT NULL UNIQUE,
  workspace_id int NOT NULL,
  first_name varchar(128) DEFAULT NULL,
  last_name varchar(128) DEFAULT NULL,
  phone varchar(191) DEFAULT NULL,
  latest_chat_created_at timestamp NULL DEFAULT NULL,
  created_by int NOT NULL,
  created_at timestamp NULL DEFAULT NULL,
  updated_at timestamp NULL DEFAULT NULL,
  deleted_at timestamp NULL DEFAULT NULL,
  KEY idx_contacts_phone (phone)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE chats (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  uuid char(50) NOT NULL UNIQUE,
  workspace_id int NOT NULL,
  whatsapp_session_id bigint unsigned DEFAULT NULL,
  wam_id varchar(128) DEFAULT NULL,
  contact_id int NOT NULL,
  user_id bigint unsigned DEFAULT NULL,
  type enum('inbound','outbound') DEFAULT NULL,
  metadata text NOT NULL,
  media_id int DEFAULT NULL,
  status varchar(191) DEFAULT NULL,
  is_read tinyint(1) NOT NULL DEFAULT '0',
  deleted_by int DEFAULT NULL,
  deleted_at datetime DEFAULT NULL,
  created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  KEY chats_contact_id_index (contact_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE chat_media (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name varchar(191) NOT NULL,
  path varchar(191) DEFAULT NULL,
  location enum('local','amazon') NOT NULL DEFAULT 'local',
  type varchar(191) DEFAULT NULL,
  size varchar(128) NOT NULL,
  created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
