use serde_json::Value;

use crate::model::{ContactId, LocationId, UserId, WireTime};

sidecar_core::model! {
    /// The payload of `OrderCreate` and `OrderStatusUpdate`.
    pub struct OrderPayload {
        /// The order.
        "_id" id: String,
        /// The location.
        "locationId" location_id: Option<LocationId>,
        /// The owner, by `altType`.
        "altId" alt_id: Option<String>,
        /// `location`.
        "altType" alt_type: Option<String>,
        /// The customer.
        "contactId" contact_id: Option<ContactId>,
        /// The contact as it was then.
        "contactSnapshot" contact_snapshot: Option<Value>,
        /// How it stands: `pending`, `completed`, ….
        "status" status: Option<String>,
        /// How far it was sent out: `unfulfilled`, `fulfilled`, ….
        "fulfillmentStatus" fulfillment_status: Option<String>,
        /// ISO 4217.
        "currency" currency: Option<String>,
        /// The total in units of the currency, not cents.
        "amount" amount: Option<f64>,
        /// The parts of the total: `subtotal`, `discount`, `tax`, `shipping`.
        "amountSummary" amount_summary: Option<Value>,
        /// The taxes in it.
        "taxSummary" tax_summary: Option<Vec<Value>>,
        /// Whether it is real, not a test.
        "liveMode" live_mode: Option<bool>,
        /// The ordered items.
        "items" items: Option<Vec<Value>>,
        /// Where: `type`, `subType`, `id`, `name`.
        "source" source: Option<Value>,
        /// When it was made.
        "createdAt" created_at: Option<WireTime>,
        /// When it last changed.
        "updatedAt" updated_at: Option<WireTime>,
    }
}

sidecar_core::model! {
    /// The payload of `Invoice…`. The location is in `altId`.
    pub struct InvoicePayload {
        /// The invoice.
        "_id" id: String,
        /// The owner, by `altType`.
        "altId" alt_id: Option<String>,
        /// `location`.
        "altType" alt_type: Option<String>,
        /// Its name.
        "name" name: Option<String>,
        /// Its heading.
        "title" title: Option<String>,
        /// Its number, a text or a number.
        "invoiceNumber" invoice_number: Option<Value>,
        /// `draft`, `sent`, `paid`, `partially_paid`, `void`, ….
        "status" status: Option<String>,
        /// ISO 4217.
        "currency" currency: Option<String>,
        /// The total in units of the currency.
        "total" total: Option<f64>,
        /// The paid amount.
        "amountPaid" amount_paid: Option<f64>,
        /// The due amount.
        "amountDue" amount_due: Option<f64>,
        /// The discount: `type`, `value`.
        "discount" discount: Option<Value>,
        /// Whom it is for; its `id` is the contact.
        "contactDetails" contact_details: Option<Value>,
        /// The sender.
        "businessDetails" business_details: Option<Value>,
        /// Its lines.
        "invoiceItems" invoice_items: Option<Vec<Value>>,
        /// The date on it.
        "issueDate" issue_date: Option<WireTime>,
        /// When it is due.
        "dueDate" due_date: Option<WireTime>,
        /// Whether it is real, not a test.
        "liveMode" live_mode: Option<bool>,
        /// When it was made.
        "createdAt" created_at: Option<WireTime>,
        /// When it last changed.
        "updatedAt" updated_at: Option<WireTime>,
    }
}

sidecar_core::model! {
    /// The payload of `Product…`.
    pub struct ProductPayload {
        /// The product.
        "_id" id: String,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// Its name.
        "name" name: Option<String>,
        /// Its description, in HTML.
        "description" description: Option<String>,
        /// `PHYSICAL`, `DIGITAL`, `SERVICE`, ….
        "productType" product_type: Option<String>,
        /// Whether the store shows it.
        "availableInStore" available_in_store: Option<bool>,
        /// The variants: `id`, `name`, `options`.
        "variants" variants: Option<Vec<Value>>,
        /// Its pictures and videos.
        "medias" medias: Option<Vec<Value>>,
        /// Its picture's URL.
        "image" image: Option<String>,
        /// The text on a card's statement.
        "statementDescriptor" statement_descriptor: Option<String>,
        /// The user who created it.
        "userId" user_id: Option<UserId>,
        /// When it was made.
        "createdAt" created_at: Option<WireTime>,
        /// When it last changed.
        "updatedAt" updated_at: Option<WireTime>,
    }
}

sidecar_core::model! {
    /// The payload of `Price…`.
    pub struct PricePayload {
        /// The price.
        "_id" id: String,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// Its product.
        "product" product_id: Option<String>,
        /// Its name, such as the variant's.
        "name" name: Option<String>,
        /// `one_time` or `recurring`.
        "priceType" price_type: Option<String>,
        /// ISO 4217.
        "currency" currency: Option<String>,
        /// The amount in units of the currency.
        "amount" amount: Option<f64>,
        /// How often: `interval`, `intervalCount`.
        "recurring" recurring: Option<Value>,
        /// The price before, to be shown crossed out.
        "compareAtPrice" compare_at_price: Option<f64>,
        /// The options of the variant that it is for.
        "variantOptionIds" variant_option_ids: Option<Vec<String>>,
        /// Offers that it opens: `label`, `value`.
        "membershipOffers" membership_offers: Option<Vec<Value>>,
        /// Whether what is left is counted.
        "trackInventory" track_inventory: Option<bool>,
        /// How many are left.
        "availableQuantity" available_quantity: Option<i64>,
        /// Whether it sells when none is left.
        "allowOutOfStockPurchases" allow_out_of_stock_purchases: Option<bool>,
        /// The user who created it.
        "userId" user_id: Option<UserId>,
        /// When it was made.
        "createdAt" created_at: Option<WireTime>,
        /// When it last changed.
        "updatedAt" updated_at: Option<WireTime>,
    }
}
