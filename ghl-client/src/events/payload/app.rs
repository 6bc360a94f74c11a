use serde_json::Value;

use crate::model::{CompanyId, LocationId, UserId, WireTime};

sidecar_core::model! {
    /// The payload of `INSTALL`, `UNINSTALL` and `UPDATE`, which go to the app's default webhook URL only. User and company may be absent
    /// where the app came to a location by "install in future locations".
    pub struct InstallPayload {
        /// The company.
        "companyId" company_id: Option<CompanyId>,
        /// The location; none when it is about the company.
        "locationId" location_id: Option<LocationId>,
        /// `Company` or `Location`.
        "installType" install_type: Option<String>,
        /// The user who did it.
        "userId" user_id: Option<UserId>,
        /// The app's plan.
        "planId" plan_id: Option<String>,
        /// The previous version, in `UPDATE`.
        "previousVersionId" previous_version_id: Option<String>,
        /// The trial: `onTrial`, `trialDuration` in days, `trialStartDate`.
        "trial" trial: Option<Value>,
        /// The company's name.
        "companyName" company_name: Option<String>,
        /// Whether the company is white-labelled.
        "isWhitelabelCompany" is_whitelabel_company: Option<bool>,
        /// The brand: `domain`, `logoUrl`; empty without one.
        "whitelabelDetails" whitelabel_details: Option<Value>,
    }
}

sidecar_core::model! {
    /// The payload of `PLAN_CHANGE`: a user changed the plan of a paid app.
    pub struct PlanChangePayload {
        /// The company.
        "companyId" company_id: Option<CompanyId>,
        /// The location; none when it is about the company.
        "locationId" location_id: Option<LocationId>,
        /// The user who did it.
        "userId" user_id: Option<UserId>,
        /// The plan before.
        "currentPlanId" current_plan_id: Option<String>,
        /// The plan from now on.
        "newPlanId" new_plan_id: Option<String>,
    }
}

sidecar_core::model! {
    /// The payload of `APP_PAYMENT_STATUS`: a recurring payment for the app failed, or succeeded after a failure.
    pub struct AppPaymentStatusPayload {
        /// The company.
        "companyId" company_id: Option<CompanyId>,
        /// The location; none when it is about the company.
        "locationId" location_id: Option<LocationId>,
        /// The user who installed the app.
        "userId" user_id: Option<UserId>,
        /// `COMPLETE`, `FAILED` or `PENDING`.
        "previousStatus" previous_status: Option<String>,
        /// The same, from now on.
        "newStatus" new_status: Option<String>,
    }
}

sidecar_core::model! {
    /// The payload of `EXTERNAL_AUTH_CONNECTED`: a user connected the app's own service.
    pub struct ExternalAuthPayload {
        /// The company.
        "companyId" company_id: Option<CompanyId>,
        /// The location.
        "locationId" location_id: Option<LocationId>,
        /// `oauth2` or `basic`.
        "authType" auth_type: Option<String>,
        /// OAuth's scopes, separated by blanks.
        "scopes" scopes: Option<String>,
        /// Whether the provider refreshes the token.
        "isAutoRefreshTokenEnabled" is_auto_refresh_token_enabled: Option<bool>,
    }
}

sidecar_core::model! {
    /// The payload of `SaasPlanCreate`. Its page says that several plans may come in one array, which is not an event: parse the rows separately.
    pub struct SaasPlanPayload {
        /// The plan.
        "planId" plan_id: String,
        /// The company.
        "companyId" company_id: Option<CompanyId>,
        /// Its name.
        "title" title: Option<String>,
        /// Its description.
        "description" description: Option<String>,
        /// Its rank, 1 the lowest.
        "planLevel" plan_level: Option<i64>,
        /// The trial in days; 0 for none.
        "trialPeriod" trial_period: Option<i64>,
        /// The features it holds.
        "saasProducts" saas_products: Option<Vec<String>>,
        /// The add-ons.
        "addOns" add_ons: Option<Vec<Value>>,
        /// Its prices by billing interval, amounts in cents.
        "prices" prices: Option<Vec<Value>>,
        /// Its category.
        "categoryId" category_id: Option<String>,
        /// The snapshot that a new location begins with; empty for none.
        "snapshotId" snapshot_id: Option<String>,
        /// Its product at the payment provider.
        "productId" product_id: Option<String>,
        /// Whether it is of the newer kind.
        "isSaaSV2" is_saas_v2: Option<bool>,
        /// When it was made.
        "createdAt" created_at: Option<WireTime>,
        /// When it last changed.
        "updatedAt" updated_at: Option<WireTime>,
    }
}

sidecar_core::model! {
    /// The payload of `SupportTicket…`: a ticket about the app.
    pub struct SupportTicketPayload {
        /// The ticket.
        "ticketId" ticket_id: String,
        /// The company.
        "companyId" company_id: Option<CompanyId>,
        /// The location, if it was raised from one.
        "locationId" location_id: Option<LocationId>,
    }
}
