-- The present: groups among the contacts, media with their own places.
ALTER TABLE contacts
  ADD COLUMN type enum('individual','group') NOT NULL DEFAULT 'individual',
  ADD COLUMN group_metadata json DEFAULT NULL,
  ADD UNIQUE KEY contacts_workspace_phone_unique (workspace_id, phone);
ALTER TABLE chat_media
  ADD COLUMN uuid char(36) NOT NULL UNIQUE,
  RENAME COLUMN path TO original_path,
  ADD COLUMN cdn_url varchar(512) DEFAULT NULL,
  ADD COLUMN workspace_id bigint unsigned DEFAULT NULL,
  MODIFY COLUMN location enum('local','amazon','s3','s3_cdn') DEFAULT 'local',
  MODIFY COLUMN size bigint unsigned NOT NULL DEFAULT '0',
  ADD COLUMN deleted_at timestamp NULL DEFAULT NULL;
ALTER TABLE whatsapp_accounts
  ADD COLUMN disconnect_reason enum('user_initiated','instance_restart','timeout','error','qr_expired','unknown')
    DEFAULT NULL,
  ADD COLUMN health_score tinyint NOT NULL DEFAULT '100';
