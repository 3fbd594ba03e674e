// Made by `npm run types` from /openapi.json; not to be edited.

export interface paths {
    "/api/accounts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_accounts"];
        put?: never;
        post: operations["create_account"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/accounts/{account_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_account"];
        put?: never;
        post?: never;
        delete: operations["delete_account"];
        options?: never;
        head?: never;
        patch: operations["update_account"];
        trace?: never;
    };
    "/api/accounts/{account_id}/chats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_chats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/accounts/{account_id}/connect": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["connect"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/accounts/{account_id}/contacts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_contacts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/accounts/{account_id}/disconnect": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["disconnect"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/accounts/{account_id}/groups": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_groups"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/accounts/{account_id}/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_account_health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/accounts/{account_id}/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["logout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/accounts/{account_id}/pairing-code": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["request_pairing_code"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/accounts/{account_id}/primary": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["make_primary"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/accounts/{account_id}/qr": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_qr"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/accounts/{account_id}/reconnect": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["reconnect"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/accounts/{account_id}/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["restore_account"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/accounts/{account_id}/statistics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_statistics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/accounts/{account_id}/supervision": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_account_supervision"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/accounts/{account_id}/transitions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_transitions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/actors": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_tree"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/actors/{path}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_actor"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/actors/{path}/restart": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["restart_actor"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_audit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/chats/{chat_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_chat"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/chats/{chat_id}/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_chat_messages"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/chats/{chat_id}/read": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["mark_read"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/chats/{chat_id}/typing": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["set_typing"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/contacts/{contact_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_contact"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/dashboard/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_login"];
        put?: never;
        post: operations["log_in"];
        delete: operations["log_out"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/events/{event_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_event"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/events/schemas": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_event_schemas"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/events/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["stream_events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/events/ws": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["open_event_socket"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/groups/{group_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_group"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_keys"];
        put?: never;
        post: operations["create_key"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/keys/{key_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_key"];
        put?: never;
        post?: never;
        delete: operations["revoke_key"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/media": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["upload_media"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/media/{media_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_upload"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_messages"];
        put?: never;
        post: operations["send_message"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/messages/{message_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_message"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/messages/{message_id}/media": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_media"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/messages/{message_id}/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_message_status"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/overview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_overview"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/rejected": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_rejected"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/rejected/{item_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_rejected"];
        put?: never;
        post?: never;
        delete: operations["discard_rejected"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/rejected/{item_id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["retry_rejected"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_settings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch: operations["change_settings"];
        trace?: never;
    };
    "/api/supervision/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_happenings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhook-endpoints": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_endpoints"];
        put?: never;
        post: operations["create_endpoint"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhook-endpoints/{endpoint_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_endpoint"];
        put?: never;
        post?: never;
        delete: operations["delete_endpoint"];
        options?: never;
        head?: never;
        patch: operations["change_endpoint"];
        trace?: never;
    };
    "/api/webhook-endpoints/{endpoint_id}/dead-letters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_dead_letters"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhook-endpoints/{endpoint_id}/dead-letters/{letter_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_dead_letter"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhook-endpoints/{endpoint_id}/dead-letters/{letter_id}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["replay_dead_letter"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhook-endpoints/{endpoint_id}/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_attempts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhook-endpoints/{endpoint_id}/deliveries/{attempt_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_attempt"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhook-endpoints/{endpoint_id}/disable": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["disable_endpoint"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhook-endpoints/{endpoint_id}/enable": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["enable_endpoint"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhook-endpoints/{endpoint_id}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["pause_endpoint"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhook-endpoints/{endpoint_id}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["replay_events"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhook-endpoints/{endpoint_id}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["resume_endpoint"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhook-endpoints/{endpoint_id}/rotate-secret": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["rotate_secret"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhook-endpoints/{endpoint_id}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["send_test"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/workspaces": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["list_workspaces"];
        put?: never;
        post: operations["create_workspace"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/workspaces/{workspace_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_workspace"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch: operations["update_workspace"];
        trace?: never;
    };
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_live"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["show_ready"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        AccountCounts: {
            by_status: {
                [key: string]: number;
            };
            total: number;
        };
        AccountHealth: {
            account_id: number;
            actors: components["schemas"]["ActorNode"][];
            desired: components["schemas"]["Desired"];
            healthy: boolean;
            last_activity_at: number | null;
            last_connected_at: number | null;
            status: components["schemas"]["AccountStatus"];
            status_reason: string | null;
            status_since: number;
        };
        AccountQr: {
            account_seq: number;
            attempt: number;
            /** @enum {unknown} */
            event: "account.qr";
            expires_at: number;
            provider_type: string;
            qr_code: string;
            version?: number;
            whatsapp_account_id: number;
            workspace_id: number;
        };
        AccountState: {
            account_id: number;
            desired: components["schemas"]["Desired"];
            detail: string;
            reason: string;
            since: number;
            status: components["schemas"]["AccountStatus"];
        };
        AccountStats: {
            account_id: number;
            chats: number;
            messages_in: number;
            messages_out: number;
            unread: number;
        };
        /** @enum {unknown} */
        AccountStatus: "authenticated" | "banned" | "connected" | "disconnected" | "disconnecting" | "failed" | "needs_pairing" | "qr_scanning" | "reconnecting" | "starting" | "suspended";
        AccountStatusChanged: {
            account_seq: number;
            detail: string;
            /** @enum {unknown} */
            event: "account.status";
            phone_number: string | null;
            previous: string;
            provider_type: string;
            reason: string;
            status: string;
            timestamp: number;
            version?: number;
            whatsapp_account_id: number;
            workspace_id: number;
        };
        AccountView: {
            created_at: number;
            deleted_at?: number | null;
            desired: components["schemas"]["Desired"];
            id: number;
            is_primary: boolean;
            last_activity_at: number | null;
            last_connected_at: number | null;
            lid: string | null;
            name: string | null;
            phone_number: string | null;
            provider_type: string;
            push_name: string | null;
            session_id: string;
            status: components["schemas"]["AccountStatus"];
            status_detail: string | null;
            status_reason: string | null;
            status_since: number;
            suspended_until: number | null;
            updated_at: number;
            uuid: string;
            workspace_id: number;
        };
        ActorNode: {
            backoff_seconds?: number | null;
            children?: components["schemas"]["ActorNode"][];
            exits?: components["schemas"]["Exit"][] | null;
            figures?: {
                [key: string]: number;
            } | null;
            hidden_children?: number;
            id: string;
            incarnation: number;
            last_exit?: components["schemas"]["Exit"] | null;
            mailbox?: components["schemas"]["MailboxState"] | null;
            path: string;
            restarts: number;
            state: string;
            type: string;
            up_seconds: number | null;
        };
        Alive: {
            status?: string;
        };
        Attempt: {
            account_id: number;
            at: number;
            attempt: number;
            detail: string;
            endpoint_id: number;
            event_id: string;
            events: number;
            id?: number;
            outcome: string;
            replay: boolean;
            seconds: number;
        };
        Audio: {
            media: components["schemas"]["MediaRef"];
            seconds?: number | null;
            /** @enum {unknown} */
            type: "audio";
        };
        AuditEntry: {
            action: string;
            address: string;
            at: number;
            id: number;
            key_id: number;
            path: string;
            request_id: string;
            status: number;
            workspace_id: number | null;
        };
        Captioned: {
            caption?: string;
            data?: string | null;
            filename?: string | null;
            id?: string | null;
            mime?: string | null;
            url?: string | null;
        };
        Cards: {
            vcards: string[];
        };
        ChangeEndpoint: {
            batch_events?: number;
            batch_wait_ms?: number;
            events?: string[];
            headers?: {
                [key: string]: string;
            };
            url?: string;
        };
        Changes: {
            default_region?: string | null;
            legacy_enabled?: boolean | null;
            rate_per_address?: number | null;
            rate_per_key?: number | null;
            wrong_keys_per_minute?: number | null;
        };
        Chat: {
            chat_type: string;
            contact_name: string | null;
            contact_phone: string | null;
            group_id: number | null;
            id: number;
            jid: string;
            last_message: string | null;
            last_message_at: number | null;
            lid: string | null;
            message_status: string | null;
            provider_type: string;
            unread_count: number;
            whatsapp_account_id: number;
            workspace_id: number;
        };
        ChatSynced: {
            account_seq: number;
            chats?: components["schemas"]["SyncedChat"][];
            count: number;
            /** @enum {unknown} */
            event: "chat.synced";
            provider_type: string;
            timestamp: number;
            version?: number;
            whatsapp_account_id: number;
            workspace_id: number;
        };
        Contact: {
            created_at: number;
            id: number;
            jid: string;
            lid: string | null;
            name: string | null;
            phone: string | null;
            push_name: string | null;
            updated_at: number;
            whatsapp_account_id: number;
            workspace_id: number;
        };
        ContactCards: {
            /** @enum {unknown} */
            type: "contacts";
            vcards: string[];
        };
        ContactSynced: {
            account_seq: number;
            contacts?: components["schemas"]["SyncedContact"][];
            count: number;
            /** @enum {unknown} */
            event: "contact.synced";
            provider_type: string;
            timestamp: number;
            version?: number;
            whatsapp_account_id: number;
            workspace_id: number;
        };
        CreateAccount: {
            name?: string | null;
            provider_type?: string | null;
            workspace_id?: number | null;
        };
        CreateEndpoint: {
            batch_events?: number;
            batch_wait_ms?: number;
            events?: string[];
            format?: components["schemas"]["EndpointFormat"];
            headers?: {
                [key: string]: string;
            };
            secret?: string | null;
            url: string;
            workspace_id?: number | null;
        };
        CreateKey: {
            expires_at?: number | null;
            legacy?: boolean;
            name: string;
            scopes: components["schemas"]["Scope"][];
            workspace_id?: number | null;
        };
        CreateWorkspace: {
            name: string;
        };
        DeadLetter: {
            account_id: number;
            account_seq: number;
            attempts: number;
            created_at: number;
            endpoint_id: number;
            event_id: string;
            id: number;
            reason: string;
        };
        /** @enum {unknown} */
        Desired: "connected" | "disconnected";
        Document: {
            caption?: string;
            media: components["schemas"]["MediaRef"];
            /** @enum {unknown} */
            type: "document";
        };
        Edit: {
            body: string;
            target_id: string;
            /** @enum {unknown} */
            type: "edit";
        };
        Editing: {
            body: string;
            target_id: string;
        };
        EndpointDetail: {
            dead_letters: number;
            endpoint: components["schemas"]["EndpointView"];
            waiting: number;
        };
        EndpointDisabled: {
            account_seq: number;
            endpoint_id: number;
            /** @enum {unknown} */
            event: "webhook.disabled";
            provider_type: string;
            reason: string;
            timestamp: number;
            url: string;
            version?: number;
            whatsapp_account_id: number;
            workspace_id: number;
        };
        /** @enum {unknown} */
        EndpointFormat: "legacy" | "native";
        EndpointView: {
            batch_events: number;
            batch_wait_ms: number;
            disabled_reason: string | null;
            events: string[];
            failing_since: number | null;
            format: components["schemas"]["EndpointFormat"];
            headers: {
                [key: string]: string;
            };
            id: number;
            old_secret_until: number | null;
            secret?: string | null;
            /** @enum {unknown} */
            state: "active" | "disabled" | "paused";
            url: string;
            workspace_id: number;
        };
        EventSchemas: {
            components: {
                [key: string]: Record<string, never>;
            };
            types: {
                [key: string]: Record<string, never>;
            };
            version: number;
        };
        Exit: {
            at: number;
            incarnation: number;
            kind: string;
            reason: string;
            traceback?: string | null;
            uptime_seconds: number;
        };
        FieldError: {
            detail: string;
            parameter?: string | null;
            pointer?: string | null;
        };
        Group: {
            created_at: number;
            group_created_at: number | null;
            group_jid: string;
            id: number;
            name: string | null;
            owner: string | null;
            participants?: components["schemas"]["Participant"][] | null;
            participants_count: number | null;
            updated_at: number;
            whatsapp_account_id: number;
            workspace_id: number;
        };
        GroupUpdated: {
            account_seq: number;
            /** @enum {unknown} */
            event: "group.updated";
            group: string;
            members?: components["schemas"]["Participant"][] | null;
            participants: number | null;
            provider_type: string;
            subject: string | null;
            timestamp: number;
            version?: number;
            whatsapp_account_id: number;
            workspace_id: number;
        };
        Happening: {
            at: number;
            exit?: string | null;
            incarnation: number;
            /** @enum {unknown} */
            kind: "backoff" | "child_gave_up" | "dead_letter" | "ended" | "escalated" | "gave_up" | "ignored" | "mailbox_full" | "restarted" | "start_failed" | "started" | "stop_timed_out";
            number: number;
            path: string;
            reason?: string | null;
            restarts?: number | null;
            seconds?: number | null;
        };
        HealthPart: {
            detail?: string;
            /** @enum {unknown} */
            status: "degraded" | "down" | "ok";
        };
        HealthView: {
            parts: {
                [key: string]: components["schemas"]["HealthPart"];
            };
            sessions?: components["schemas"]["Sessions"];
            /** @enum {unknown} */
            status: "degraded" | "down" | "ok";
            system?: components["schemas"]["System"];
            timestamp: string;
            uptime: number;
        };
        Image: {
            caption?: string;
            media: components["schemas"]["MediaRef"];
            /** @enum {unknown} */
            type: "image";
        };
        KeyRecord: {
            created_at: number;
            expires_at: number | null;
            id: number;
            legacy: boolean;
            name: string;
            prefix: string;
            revoked_at: number | null;
            scopes: string[];
            workspace_id: number | null;
        };
        LatencyView: {
            commit_p50: number | null;
            commit_p99: number | null;
            webhook_p50: number | null;
            webhook_p99: number | null;
        };
        Location: {
            address?: string;
            latitude: number;
            longitude: number;
            name?: string;
            /** @enum {unknown} */
            type: "location";
        };
        Login: {
            csrf: string;
            expires_at: number;
            scopes: string[];
            workspace_id: number | null;
        };
        LogIn: {
            key: string;
        };
        MailboxState: {
            capacity: number | null;
            depth: number;
            dropped: number;
            handled: number;
            handler_seconds: number;
            high_water: number;
        };
        MarkReadBody: {
            message_ids?: string[];
        };
        /** @enum {unknown} */
        MediaKind: "audio" | "document" | "image" | "sticker" | "video" | "voice";
        MediaRef: {
            filename?: string | null;
            mime: string;
            ref: string;
            sha256?: string | null;
            size?: number | null;
        };
        MediaSource: {
            data?: string | null;
            filename?: string | null;
            id?: string | null;
            mime?: string | null;
            url?: string | null;
        };
        MessageReceived: {
            account_seq: number;
            chat: string;
            chat_lid?: string | null;
            chat_name: string | null;
            chat_phone: string | null;
            chat_type: string;
            content: components["schemas"]["Text"] | components["schemas"]["Image"] | components["schemas"]["Video"] | components["schemas"]["Audio"] | components["schemas"]["Voice"] | components["schemas"]["Document"] | components["schemas"]["Sticker"] | components["schemas"]["Location"] | components["schemas"]["ContactCards"] | components["schemas"]["Reaction"] | components["schemas"]["Edit"] | components["schemas"]["Revoke"] | components["schemas"]["Unsupported"];
            /** @enum {unknown} */
            event: "message.received";
            message_id: string;
            provider_type: string;
            quoted_id: string | null;
            sender: string;
            sender_lid: string | null;
            sender_name: string | null;
            sender_phone: string | null;
            timestamp: number;
            version?: number;
            whatsapp_account_id: number;
            workspace_id: number;
        };
        MessageSent: {
            account_seq: number;
            chat: string;
            chat_lid?: string | null;
            chat_name?: string | null;
            chat_phone: string | null;
            chat_type: string;
            content: components["schemas"]["Text"] | components["schemas"]["Image"] | components["schemas"]["Video"] | components["schemas"]["Audio"] | components["schemas"]["Voice"] | components["schemas"]["Document"] | components["schemas"]["Sticker"] | components["schemas"]["Location"] | components["schemas"]["ContactCards"] | components["schemas"]["Reaction"] | components["schemas"]["Edit"] | components["schemas"]["Revoke"] | components["schemas"]["Unsupported"];
            /** @enum {unknown} */
            event: "message.sent";
            message_id: string;
            provider_type: string;
            quoted_id: string | null;
            source: string;
            timestamp: number;
            version?: number;
            whatsapp_account_id: number;
            workspace_id: number;
        };
        /** @enum {unknown} */
        MessageStatus: "delivered" | "failed" | "queued" | "read" | "received" | "sending" | "sent";
        MessageStatusChanged: {
            account_seq: number;
            chat: string;
            chat_lid?: string | null;
            chat_phone?: string | null;
            chat_type?: string | null;
            error: string | null;
            /** @enum {unknown} */
            event: "message.status";
            message_id: string;
            provider_type: string;
            status: string;
            timestamp: number;
            version?: number;
            whatsapp_account_id: number;
            workspace_id: number;
        };
        NewKey: {
            key: string;
            record: components["schemas"]["KeyRecord"];
        };
        OverviewView: {
            accounts: components["schemas"]["AccountCounts"];
            at: number;
            cpu: number;
            emulator_url: string | null;
            latency_ms: components["schemas"]["LatencyView"];
            memory_mb: number;
            provider_types: string[];
            queues: components["schemas"]["Queues"];
            rates: components["schemas"]["Rates"];
            restarts: components["schemas"]["Restarts"];
            series: components["schemas"]["SeriesView"];
            uptime_seconds: number;
        };
        Page_AccountView_: {
            data: components["schemas"]["AccountView"][];
            next_cursor?: string | null;
        };
        Page_Attempt_: {
            data: components["schemas"]["Attempt"][];
            next_cursor?: string | null;
        };
        Page_AuditEntry_: {
            data: components["schemas"]["AuditEntry"][];
            next_cursor?: string | null;
        };
        Page_Chat_: {
            data: components["schemas"]["Chat"][];
            next_cursor?: string | null;
        };
        Page_Contact_: {
            data: components["schemas"]["Contact"][];
            next_cursor?: string | null;
        };
        Page_DeadLetter_: {
            data: components["schemas"]["DeadLetter"][];
            next_cursor?: string | null;
        };
        Page_EndpointView_: {
            data: components["schemas"]["EndpointView"][];
            next_cursor?: string | null;
        };
        Page_Group_: {
            data: components["schemas"]["Group"][];
            next_cursor?: string | null;
        };
        Page_Happening_: {
            data: components["schemas"]["Happening"][];
            next_cursor?: string | null;
        };
        Page_KeyRecord_: {
            data: components["schemas"]["KeyRecord"][];
            next_cursor?: string | null;
        };
        Page_RejectedItem_: {
            data: components["schemas"]["RejectedItem"][];
            next_cursor?: string | null;
        };
        Page_StoredEvent_: {
            data: components["schemas"]["StoredEvent"][];
            next_cursor?: string | null;
        };
        Page_StoredMessage_: {
            data: components["schemas"]["StoredMessage"][];
            next_cursor?: string | null;
        };
        Page_TransitionView_: {
            data: components["schemas"]["TransitionView"][];
            next_cursor?: string | null;
        };
        Page_Workspace_: {
            data: components["schemas"]["Workspace"][];
            next_cursor?: string | null;
        };
        PairingCode: {
            code: string;
            phone: string;
        };
        PairingRequest: {
            phone: string;
        };
        Participant: {
            admin?: boolean;
            alt?: string | null;
            id: string;
        };
        Place: {
            address?: string;
            latitude: number;
            longitude: number;
            name?: string;
        };
        Point: {
            at: number;
            commit_p99: number | null;
            messages_in: number;
            messages_out: number;
            outbox: number;
            restarts: number;
        };
        ProblemDetails: {
            detail: string;
            errors?: components["schemas"]["FieldError"][];
            request_id?: string | null;
            state?: string | null;
            status: number;
            title: string;
            type?: string;
        };
        Progress: {
            attempts: number;
            delivered_at: number | null;
            error: string | null;
            id: number;
            message_id: string;
            read_at: number | null;
            sent_at: number | null;
            status: components["schemas"]["MessageStatus"];
        };
        Qr: {
            attempt: number;
            code: string;
            expires_at: number;
        };
        Queues: {
            dead_letters: number;
            outbox: number;
            unacknowledged: number;
            writer_mailbox: number;
        };
        Rates: {
            deliveries: number;
            events: number;
            messages_in: number;
            messages_out: number;
        };
        Reacting: {
            emoji: string;
            target_id: string;
        };
        Reaction: {
            emoji: string;
            target_id: string;
            /** @enum {unknown} */
            type: "reaction";
        };
        RejectedItem: {
            account_id: number;
            created_at: number;
            id: number;
            item?: string | null;
            kind: string;
            message_id: string | null;
            reason: string;
            size: number;
            workspace_id: number;
        };
        Replay: {
            account_id?: number | null;
            after_seq?: number | null;
            cursor?: string | null;
            dead_letters?: boolean;
            event_ids?: string[] | null;
            since?: number | null;
            until?: number | null;
            until_seq?: number | null;
        };
        ReplayAnswer: {
            next_cursor?: string | null;
            queued: number;
            waiting: number;
        };
        Restarting: {
            path: string;
        };
        Restarts: {
            last_hour: number;
            total: number;
        };
        Retried: {
            new_messages: number;
        };
        Revoke: {
            target_id: string;
            /** @enum {unknown} */
            type: "revoke";
        };
        Revoking: {
            target_id: string;
        };
        RotateSecret: {
            overlap_hours?: number;
            secret?: string | null;
        };
        /** @enum {unknown} */
        Scope: "admin" | "manage" | "read" | "send";
        SendAudio: {
            account_id?: number | null;
            audio: components["schemas"]["Sounding"];
            quoted_id?: string | null;
            to: string;
            /** @enum {unknown} */
            type: "audio";
        };
        SendContacts: {
            account_id?: number | null;
            contacts: components["schemas"]["Cards"];
            quoted_id?: string | null;
            to: string;
            /** @enum {unknown} */
            type: "contacts";
        };
        SendDocument: {
            account_id?: number | null;
            document: components["schemas"]["Captioned"];
            quoted_id?: string | null;
            to: string;
            /** @enum {unknown} */
            type: "document";
        };
        SendEdit: {
            account_id?: number | null;
            edit: components["schemas"]["Editing"];
            quoted_id?: string | null;
            to: string;
            /** @enum {unknown} */
            type: "edit";
        };
        SendImage: {
            account_id?: number | null;
            image: components["schemas"]["Captioned"];
            quoted_id?: string | null;
            to: string;
            /** @enum {unknown} */
            type: "image";
        };
        SendLocation: {
            account_id?: number | null;
            location: components["schemas"]["Place"];
            quoted_id?: string | null;
            to: string;
            /** @enum {unknown} */
            type: "location";
        };
        SendReaction: {
            account_id?: number | null;
            quoted_id?: string | null;
            reaction: components["schemas"]["Reacting"];
            to: string;
            /** @enum {unknown} */
            type: "reaction";
        };
        SendRevoke: {
            account_id?: number | null;
            quoted_id?: string | null;
            revoke: components["schemas"]["Revoking"];
            to: string;
            /** @enum {unknown} */
            type: "revoke";
        };
        SendSticker: {
            account_id?: number | null;
            quoted_id?: string | null;
            sticker: components["schemas"]["MediaSource"];
            to: string;
            /** @enum {unknown} */
            type: "sticker";
        };
        SendText: {
            account_id?: number | null;
            quoted_id?: string | null;
            text: components["schemas"]["TextBody"];
            to: string;
            /** @enum {unknown} */
            type: "text";
        };
        SendVideo: {
            account_id?: number | null;
            quoted_id?: string | null;
            to: string;
            /** @enum {unknown} */
            type: "video";
            video: components["schemas"]["Captioned"];
        };
        SendVoice: {
            account_id?: number | null;
            quoted_id?: string | null;
            to: string;
            /** @enum {unknown} */
            type: "voice";
            voice: components["schemas"]["Sounding"];
        };
        SeriesView: {
            points: components["schemas"]["Point"][];
            step_seconds: number;
        };
        Sessions: {
            connected?: number;
            disconnected?: number;
            total?: number;
            utilization?: number;
        };
        SetTypingBody: {
            active: boolean;
        };
        Sounding: {
            data?: string | null;
            filename?: string | null;
            id?: string | null;
            mime?: string | null;
            seconds?: number | null;
            url?: string | null;
        };
        Sticker: {
            media: components["schemas"]["MediaRef"];
            /** @enum {unknown} */
            type: "sticker";
        };
        StoredEvent: {
            account_id: number;
            account_seq: number;
            created_at: number;
            data: components["schemas"]["MessageReceived"] | components["schemas"]["MessageSent"] | components["schemas"]["MessageStatusChanged"] | components["schemas"]["AccountStatusChanged"] | components["schemas"]["AccountQr"] | components["schemas"]["ChatSynced"] | components["schemas"]["ContactSynced"] | components["schemas"]["GroupUpdated"] | components["schemas"]["SyncProgressed"] | components["schemas"]["EndpointDisabled"];
            id: string;
            type: string;
        };
        StoredMessage: {
            attempts: number;
            chat: string;
            chat_id: number;
            content: components["schemas"]["Text"] | components["schemas"]["Image"] | components["schemas"]["Video"] | components["schemas"]["Audio"] | components["schemas"]["Voice"] | components["schemas"]["Document"] | components["schemas"]["Sticker"] | components["schemas"]["Location"] | components["schemas"]["ContactCards"] | components["schemas"]["Reaction"] | components["schemas"]["Edit"] | components["schemas"]["Revoke"] | components["schemas"]["Unsupported"];
            created_at: number;
            delivered_at: number | null;
            edited_at: number | null;
            error: string | null;
            from_me: boolean;
            id: number;
            message_id: string;
            quoted_id: string | null;
            read_at: number | null;
            revoked_at: number | null;
            sender: string | null;
            sent_at: number | null;
            status: components["schemas"]["MessageStatus"];
            timestamp: number;
            type: string;
            whatsapp_account_id: number;
            workspace_id: number;
        };
        SyncedChat: {
            archived: boolean;
            chat: string;
            chat_lid: string | null;
            chat_phone: string | null;
            chat_type: string;
            last_message: string | null;
            last_message_at: number | null;
            message_status: string | null;
            name: string | null;
            unread_count: number;
        };
        SyncedContact: {
            contact: string;
            lid: string | null;
            name: string | null;
            phone: string | null;
            push_name: string | null;
        };
        SyncProgressed: {
            account_seq: number;
            done: number;
            /** @enum {unknown} */
            event: "sync.progress";
            phase: string;
            provider_type: string;
            timestamp: number;
            total: number;
            version?: number;
            whatsapp_account_id: number;
            workspace_id: number;
        };
        System: {
            cpu_percent?: number;
            memory_percent?: number;
            uptime_seconds?: number;
        };
        TestAnswer: {
            detail: string;
            outcome: string;
        };
        Text: {
            body: string;
            /** @enum {unknown} */
            type: "text";
        };
        TextBody: {
            body: string;
        };
        TransitionView: {
            account_id: number;
            at: number;
            detail: string;
            id: number;
            new: components["schemas"]["AccountStatus"];
            old: components["schemas"]["AccountStatus"];
            reason: string;
        };
        Unsupported: {
            name: string;
            raw: string;
            /** @enum {unknown} */
            type: "unsupported";
        };
        UpdateAccount: {
            name: string | null;
        };
        Uploaded: {
            id: string;
            kind: components["schemas"]["MediaKind"];
            mime: string | null;
            size: number;
        };
        Values: {
            default_region: string | null;
            legacy_enabled: boolean;
            rate_per_address: number;
            rate_per_key: number;
            wrong_keys_per_minute: number;
        };
        Video: {
            caption?: string;
            media: components["schemas"]["MediaRef"];
            /** @enum {unknown} */
            type: "video";
        };
        Voice: {
            media: components["schemas"]["MediaRef"];
            seconds?: number | null;
            /** @enum {unknown} */
            type: "voice";
        };
        Workspace: {
            id: number;
            name: string;
            uuid: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type AccountCounts = components['schemas']['AccountCounts'];
export type AccountHealth = components['schemas']['AccountHealth'];
export type AccountQr = components['schemas']['AccountQr'];
export type AccountState = components['schemas']['AccountState'];
export type AccountStats = components['schemas']['AccountStats'];
export type AccountStatus = components['schemas']['AccountStatus'];
export type AccountStatusChanged = components['schemas']['AccountStatusChanged'];
export type AccountView = components['schemas']['AccountView'];
export type ActorNode = components['schemas']['ActorNode'];
export type Alive = components['schemas']['Alive'];
export type Attempt = components['schemas']['Attempt'];
export type Audio = components['schemas']['Audio'];
export type AuditEntry = components['schemas']['AuditEntry'];
export type Captioned = components['schemas']['Captioned'];
export type Cards = components['schemas']['Cards'];
export type ChangeEndpoint = components['schemas']['ChangeEndpoint'];
export type Changes = components['schemas']['Changes'];
export type Chat = components['schemas']['Chat'];
export type ChatSynced = components['schemas']['ChatSynced'];
export type Contact = components['schemas']['Contact'];
export type ContactCards = components['schemas']['ContactCards'];
export type ContactSynced = components['schemas']['ContactSynced'];
export type CreateAccount = components['schemas']['CreateAccount'];
export type CreateEndpoint = components['schemas']['CreateEndpoint'];
export type CreateKey = components['schemas']['CreateKey'];
export type CreateWorkspace = components['schemas']['CreateWorkspace'];
export type DeadLetter = components['schemas']['DeadLetter'];
export type Desired = components['schemas']['Desired'];
export type Document = components['schemas']['Document'];
export type Edit = components['schemas']['Edit'];
export type Editing = components['schemas']['Editing'];
export type EndpointDetail = components['schemas']['EndpointDetail'];
export type EndpointDisabled = components['schemas']['EndpointDisabled'];
export type EndpointFormat = components['schemas']['EndpointFormat'];
export type EndpointView = components['schemas']['EndpointView'];
export type EventSchemas = components['schemas']['EventSchemas'];
export type Exit = components['schemas']['Exit'];
export type FieldError = components['schemas']['FieldError'];
export type Group = components['schemas']['Group'];
export type GroupUpdated = components['schemas']['GroupUpdated'];
export type Happening = components['schemas']['Happening'];
export type HealthPart = components['schemas']['HealthPart'];
export type HealthView = components['schemas']['HealthView'];
export type Image = components['schemas']['Image'];
export type KeyRecord = components['schemas']['KeyRecord'];
export type LatencyView = components['schemas']['LatencyView'];
export type Location = components['schemas']['Location'];
export type Login = components['schemas']['Login'];
export type LogIn = components['schemas']['LogIn'];
export type MailboxState = components['schemas']['MailboxState'];
export type MarkReadBody = components['schemas']['MarkReadBody'];
export type MediaKind = components['schemas']['MediaKind'];
export type MediaRef = components['schemas']['MediaRef'];
export type MediaSource = components['schemas']['MediaSource'];
export type MessageReceived = components['schemas']['MessageReceived'];
export type MessageSent = components['schemas']['MessageSent'];
export type MessageStatus = components['schemas']['MessageStatus'];
export type MessageStatusChanged = components['schemas']['MessageStatusChanged'];
export type NewKey = components['schemas']['NewKey'];
export type OverviewView = components['schemas']['OverviewView'];
export type PageAccountView = components['schemas']['Page_AccountView_'];
export type PageAttempt = components['schemas']['Page_Attempt_'];
export type PageAuditEntry = components['schemas']['Page_AuditEntry_'];
export type PageChat = components['schemas']['Page_Chat_'];
export type PageContact = components['schemas']['Page_Contact_'];
export type PageDeadLetter = components['schemas']['Page_DeadLetter_'];
export type PageEndpointView = components['schemas']['Page_EndpointView_'];
export type PageGroup = components['schemas']['Page_Group_'];
export type PageHappening = components['schemas']['Page_Happening_'];
export type PageKeyRecord = components['schemas']['Page_KeyRecord_'];
export type PageRejectedItem = components['schemas']['Page_RejectedItem_'];
export type PageStoredEvent = components['schemas']['Page_StoredEvent_'];
export type PageStoredMessage = components['schemas']['Page_StoredMessage_'];
export type PageTransitionView = components['schemas']['Page_TransitionView_'];
export type PageWorkspace = components['schemas']['Page_Workspace_'];
export type PairingCode = components['schemas']['PairingCode'];
export type PairingRequest = components['schemas']['PairingRequest'];
export type Participant = components['schemas']['Participant'];
export type Place = components['schemas']['Place'];
export type Point = components['schemas']['Point'];
export type ProblemDetails = components['schemas']['ProblemDetails'];
export type Progress = components['schemas']['Progress'];
export type Qr = components['schemas']['Qr'];
export type Queues = components['schemas']['Queues'];
export type Rates = components['schemas']['Rates'];
export type Reacting = components['schemas']['Reacting'];
export type Reaction = components['schemas']['Reaction'];
export type RejectedItem = components['schemas']['RejectedItem'];
export type Replay = components['schemas']['Replay'];
export type ReplayAnswer = components['schemas']['ReplayAnswer'];
export type Restarting = components['schemas']['Restarting'];
export type Restarts = components['schemas']['Restarts'];
export type Retried = components['schemas']['Retried'];
export type Revoke = components['schemas']['Revoke'];
export type Revoking = components['schemas']['Revoking'];
export type RotateSecret = components['schemas']['RotateSecret'];
export type Scope = components['schemas']['Scope'];
export type SendAudio = components['schemas']['SendAudio'];
export type SendContacts = components['schemas']['SendContacts'];
export type SendDocument = components['schemas']['SendDocument'];
export type SendEdit = components['schemas']['SendEdit'];
export type SendImage = components['schemas']['SendImage'];
export type SendLocation = components['schemas']['SendLocation'];
export type SendReaction = components['schemas']['SendReaction'];
export type SendRevoke = components['schemas']['SendRevoke'];
export type SendSticker = components['schemas']['SendSticker'];
export type SendText = components['schemas']['SendText'];
export type SendVideo = components['schemas']['SendVideo'];
export type SendVoice = components['schemas']['SendVoice'];
export type SeriesView = components['schemas']['SeriesView'];
export type Sessions = components['schemas']['Sessions'];
export type SetTypingBody = components['schemas']['SetTypingBody'];
export type Sounding = components['schemas']['Sounding'];
export type Sticker = components['schemas']['Sticker'];
export type StoredEvent = components['schemas']['StoredEvent'];
export type StoredMessage = components['schemas']['StoredMessage'];
export type SyncedChat = components['schemas']['SyncedChat'];
export type SyncedContact = components['schemas']['SyncedContact'];
export type SyncProgressed = components['schemas']['SyncProgressed'];
export type System = components['schemas']['System'];
export type TestAnswer = components['schemas']['TestAnswer'];
export type Text = components['schemas']['Text'];
export type TextBody = components['schemas']['TextBody'];
export type TransitionView = components['schemas']['TransitionView'];
export type Unsupported = components['schemas']['Unsupported'];
export type UpdateAccount = components['schemas']['UpdateAccount'];
export type Uploaded = components['schemas']['Uploaded'];
export type Values = components['schemas']['Values'];
export type Video = components['schemas']['Video'];
export type Voice = components['schemas']['Voice'];
export type Workspace = components['schemas']['Workspace'];
export type $defs = Record<string, never>;
export interface operations {
    list_accounts: {
        parameters: {
            query?: {
                cursor?: string;
                deleted?: boolean;
                limit?: number;
                provider_type?: string;
                search?: string;
                status?: "authenticated" | "banned" | "connected" | "disconnected" | "disconnecting" | "failed" | "needs_pairing" | "qr_scanning" | "reconnecting" | "starting" | "suspended";
                workspace_id?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_AccountView_"];
                };
            };
        };
    };
    create_account: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateAccount"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountView"];
                };
            };
        };
    };
    show_account: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                account_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountView"];
                };
            };
        };
    };
    delete_account: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                account_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    update_account: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                account_id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UpdateAccount"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountView"];
                };
            };
        };
    };
    list_chats: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path: {
                account_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Chat_"];
                };
            };
        };
    };
    connect: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                account_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountState"];
                };
            };
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountState"];
                };
            };
        };
    };
    list_contacts: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
                search?: string;
            };
            header?: never;
            path: {
                account_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Contact_"];
                };
            };
        };
    };
    disconnect: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                account_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountState"];
                };
            };
        };
    };
    list_groups: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
                search?: string;
            };
            header?: never;
            path: {
                account_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Group_"];
                };
            };
        };
    };
    show_account_health: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                account_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountHealth"];
                };
            };
        };
    };
    logout: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                account_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountState"];
                };
            };
        };
    };
    request_pairing_code: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                account_id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PairingRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PairingCode"];
                };
            };
        };
    };
    make_primary: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                account_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountView"];
                };
            };
        };
    };
    show_qr: {
        parameters: {
            query?: {
                format?: "json" | "png" | "svg" | "text";
            };
            header?: never;
            path: {
                account_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Qr"];
                    "image/png": string;
                    "image/svg+xml": string;
                    "text/plain": string;
                };
            };
        };
    };
    reconnect: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                account_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountState"];
                };
            };
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountState"];
                };
            };
        };
    };
    restore_account: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                account_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountView"];
                };
            };
        };
    };
    show_statistics: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                account_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountStats"];
                };
            };
        };
    };
    list_account_supervision: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path: {
                account_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Happening_"];
                };
            };
        };
    };
    list_transitions: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path: {
                account_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_TransitionView_"];
                };
            };
        };
    };
    show_tree: {
        parameters: {
            query?: {
                below?: string;
                depth?: number;
                unhealthy?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ActorNode"];
                };
            };
        };
    };
    show_actor: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                path: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ActorNode"];
                };
            };
        };
    };
    restart_actor: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                path: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Restarting"];
                };
            };
        };
    };
    list_audit: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_AuditEntry_"];
                };
            };
        };
    };
    show_chat: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                chat_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Chat"];
                };
            };
        };
    };
    list_chat_messages: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path: {
                chat_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_StoredMessage_"];
                };
            };
        };
    };
    mark_read: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                chat_id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MarkReadBody"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    set_typing: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                chat_id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SetTypingBody"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    show_contact: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                contact_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Contact"];
                };
            };
        };
    };
    show_login: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Login"];
                };
            };
        };
    };
    log_in: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LogIn"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Login"];
                };
            };
        };
    };
    log_out: {
        parameters: {
            query?: never;
            header?: {
                "X-CSRF-Token"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    list_events: {
        parameters: {
            query?: {
                account_id?: number;
                after_seq?: number;
                cursor?: string;
                limit?: number;
                workspace_id?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_StoredEvent_"];
                };
            };
        };
    };
    show_event: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                event_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StoredEvent"];
                };
            };
        };
    };
    show_event_schemas: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventSchemas"];
                };
            };
        };
    };
    stream_events: {
        parameters: {
            query?: {
                account_id?: string;
                cursor?: string;
                types?: string;
                workspace_id?: number;
            };
            header?: {
                "Last-Event-ID"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": {
                        data?: string;
                        event?: string;
                        id?: string;
                        retry?: number;
                    };
                };
            };
        };
    };
    open_event_socket: {
        parameters: {
            query?: {
                account_id?: string;
                cursor?: string;
                types?: string;
                workspace_id?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    show_group: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                group_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Group"];
                };
            };
        };
    };
    list_keys: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_KeyRecord_"];
                };
            };
        };
    };
    create_key: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateKey"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewKey"];
                };
            };
        };
    };
    show_key: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                key_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeyRecord"];
                };
            };
        };
    };
    revoke_key: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                key_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    upload_media: {
        parameters: {
            query?: {
                workspace_id?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "*/*": string;
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Uploaded"];
                };
            };
        };
    };
    show_upload: {
        parameters: {
            query?: {
                workspace_id?: number;
            };
            header?: never;
            path: {
                media_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
        };
    };
    list_messages: {
        parameters: {
            query?: {
                account_id?: number;
                chat_id?: number;
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_StoredMessage_"];
                };
            };
        };
    };
    send_message: {
        parameters: {
            query?: never;
            header?: {
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SendText"] | components["schemas"]["SendImage"] | components["schemas"]["SendVideo"] | components["schemas"]["SendAudio"] | components["schemas"]["SendVoice"] | components["schemas"]["SendDocument"] | components["schemas"]["SendSticker"] | components["schemas"]["SendLocation"] | components["schemas"]["SendContacts"] | components["schemas"]["SendReaction"] | components["schemas"]["SendEdit"] | components["schemas"]["SendRevoke"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StoredMessage"];
                };
            };
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StoredMessage"];
                };
            };
        };
    };
    show_message: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                message_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StoredMessage"];
                };
            };
        };
    };
    show_media: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                message_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
        };
    };
    show_message_status: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                message_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Progress"];
                };
            };
        };
    };
    show_overview: {
        parameters: {
            query?: {
                points?: number;
                workspace_id?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OverviewView"];
                };
            };
        };
    };
    list_rejected: {
        parameters: {
            query?: {
                account_id?: number;
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_RejectedItem_"];
                };
            };
        };
    };
    show_rejected: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                item_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RejectedItem"];
                };
            };
        };
    };
    discard_rejected: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                item_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    retry_rejected: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                item_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Retried"];
                };
            };
        };
    };
    show_settings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Values"];
                };
            };
        };
    };
    change_settings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Changes"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Values"];
                };
            };
        };
    };
    list_happenings: {
        parameters: {
            query?: {
                below?: string;
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Happening_"];
                };
            };
        };
    };
    list_endpoints: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_EndpointView_"];
                };
            };
        };
    };
    create_endpoint: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateEndpoint"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndpointView"];
                };
            };
        };
    };
    show_endpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                endpoint_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndpointDetail"];
                };
            };
        };
    };
    delete_endpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                endpoint_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    change_endpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                endpoint_id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChangeEndpoint"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndpointView"];
                };
            };
        };
    };
    list_dead_letters: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path: {
                endpoint_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_DeadLetter_"];
                };
            };
        };
    };
    show_dead_letter: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                endpoint_id: number;
                letter_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeadLetter"];
                };
            };
        };
    };
    replay_dead_letter: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                endpoint_id: number;
                letter_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReplayAnswer"];
                };
            };
        };
    };
    list_attempts: {
        parameters: {
            query?: {
                cursor?: string;
                failed?: boolean;
                limit?: number;
            };
            header?: never;
            path: {
                endpoint_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Attempt_"];
                };
            };
        };
    };
    show_attempt: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                attempt_id: number;
                endpoint_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Attempt"];
                };
            };
        };
    };
    disable_endpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                endpoint_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndpointView"];
                };
            };
        };
    };
    enable_endpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                endpoint_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndpointView"];
                };
            };
        };
    };
    pause_endpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                endpoint_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndpointView"];
                };
            };
        };
    };
    replay_events: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                endpoint_id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Replay"];
            };
        };
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReplayAnswer"];
                };
            };
        };
    };
    resume_endpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                endpoint_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndpointView"];
                };
            };
        };
    };
    rotate_secret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                endpoint_id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RotateSecret"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndpointView"];
                };
            };
        };
    };
    send_test: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                endpoint_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TestAnswer"];
                };
            };
        };
    };
    list_workspaces: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Workspace_"];
                };
            };
        };
    };
    create_workspace: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateWorkspace"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Workspace"];
                };
            };
        };
    };
    show_workspace: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                workspace_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Workspace"];
                };
            };
        };
    };
    update_workspace: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                workspace_id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateWorkspace"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Workspace"];
                };
            };
        };
    };
    show_health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HealthView"];
                };
            };
        };
    };
    show_live: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Alive"];
                };
            };
        };
    };
    show_ready: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HealthView"];
                };
            };
        };
    };
}
