use serde_json::Value;

use super::{CompanyId, WireTime};

sidecar_core::model! {
    /// A company (agency).
    pub struct Company {
        /// Its id.
        "id" id: CompanyId,
        /// Its name.
        "name" name: Option<String>,
        /// E-mail address.
        "email" email: Option<String>,
        /// Phone number.
        "phone" phone: Option<String>,
        /// Website.
        "website" website: Option<String>,
        /// Its logo's address.
        "logoUrl" logo_url: Option<String>,
        /// Where its users sign in.
        "domain" domain: Option<String>,
        /// The domain of its links.
        "spareDomain" spare_domain: Option<String>,
        /// Where its users sign in, beneath the provider's domain.
        "subdomain" subdomain: Option<String>,
        /// Street and number.
        "address" address: Option<String>,
        /// City.
        "city" city: Option<String>,
        /// State or region.
        "state" state: Option<String>,
        /// Postal code.
        "postalCode" postal_code: Option<String>,
        /// Two-letter country code.
        "country" country: Option<String>,
        /// IANA time zone.
        "timezone" timezone: Option<String>,
        /// Its currency.
        "currency" currency: Option<String>,
        /// Its number with the provider.
        "relationshipNumber" relationship_number: Option<String>,
        /// The kind, such as `agency`.
        "customerType" customer_type: Option<String>,
        /// How its subscription stands, such as `active-trial`.
        "status" status: Option<String>,
        /// Its plan.
        "plan" plan: Option<Value>,
        /// How many locations it has.
        "locationCount" location_count: Option<u64>,
        /// Whether it sells locations on.
        "isReselling" is_reselling: Option<bool>,
        /// Whether it is only for trying out.
        "isSandboxAccount" is_sandbox_account: Option<bool>,
        /// When it accepted the terms of service.
        "termsOfServiceAcceptedDate" terms_of_service_accepted_date: Option<WireTime>,
        /// Where its privacy policy stands.
        "privacyPolicy" privacy_policy: Option<String>,
        /// Where its terms stand.
        "termsConditions" terms_conditions: Option<String>,
        /// Which terms of service it accepted.
        "termsOfServiceVersion" terms_of_service_version: Option<String>,
        /// The user who accepted the terms of service.
        "termsOfServiceAcceptedBy" terms_of_service_accepted_by: Option<String>,
        /// Which privacy policy it accepted.
        "privacyPolicyVersion" privacy_policy_version: Option<String>,
        /// The user who accepted the privacy policy.
        "privacyPolicyAcceptedBy" privacy_policy_accepted_by: Option<String>,
        /// When it accepted the privacy policy.
        "privacyPolicyAcceptedDate" privacy_policy_accepted_date: Option<WireTime>,
        /// Which affiliate policy it accepted.
        "affiliatePolicyVersion" affiliate_policy_version: Option<String>,
        /// The user who accepted the affiliate policy.
        "affiliatePolicyAcceptedBy" affiliate_policy_accepted_by: Option<String>,
        /// When it accepted the affiliate policy.
        "affiliatePolicyAcceptedDate" affiliate_policy_accepted_date: Option<WireTime>,
        /// Whether its Twilio account is on trial.
        "twilioTrialMode" twilio_trial_mode: Option<bool>,
        /// The free allowance of its Twilio account.
        "twilioFreeCredits" twilio_free_credits: Option<f64>,
        /// The answers of its onboarding.
        "onboardingInfo" onboarding_info: Option<Value>,
        /// Whether its clients may upgrade.
        "upgradeEnabledForClients" upgrade_enabled_for_clients: Option<bool>,
        /// Whether its clients may cancel.
        "cancelEnabledForClients" cancel_enabled_for_clients: Option<bool>,
        /// Whether clients that do not pay are suspended.
        "autoSuspendEnabled" auto_suspend_enabled: Option<bool>,
        /// How it sells locations on.
        "saasSettings" saas_settings: Option<Value>,
        /// Its account with Stripe.
        "stripeConnectId" stripe_connect_id: Option<String>,
        /// Whether it has legacy features; the spelling is GHL's.
        "enableDepreciatedFeatures" enable_deprecated_features: Option<bool>,
        /// Whether it has premium features.
        "premiumUpgraded" premium_upgraded: Option<bool>,
        /// Whether it sends no e-mail.
        "disableEmailService" disable_email_service: Option<bool>,
        /// The referrer.
        "referralId" referral_id: Option<String>,
        /// Whether it is an enterprise account.
        "isEnterpriseAccount" is_enterprise_account: Option<bool>,
        /// Its niche.
        "businessNiche" business_niche: Option<String>,
        /// Its category.
        "businessCategory" business_category: Option<String>,
        /// Its affinity group.
        "businessAffinityGroup" business_affinity_group: Option<String>,
        /// Whether new locations begin with sample data.
        "enableNewSubAccountDefaultData" enable_new_sub_account_default_data: Option<bool>,
    }
}
