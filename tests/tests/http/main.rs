//! One table of HTTP cases, run against both adapters over real sockets, in HTTP/1.0, HTTP/1.1 and HTTP/2.
//!
//! A case says which headers and which body it expects, all of them, so a case that holds for both frameworks got
//! the same bytes from both.
#![allow(clippy::unwrap_used)] // also in the helpers, which clippy does not take for tests

mod apps;
mod cases;
mod config;
mod conversations;
mod forgery;
mod run;

/// Makes a test of every case that holds over any protocol.
macro_rules! exchanges {
    ($start:path, $protocol:ident) => {
        exchanges! { $start, $protocol:
            a_client_is_admitted_up_to_its_limit_and_then_denied
            l5_who_waits_as_long_as_told_is_admitted
            a_sliding_window_is_the_default
            a_token_bucket_shows_its_burst
            a_window_below_a_second_is_told_without_its_length
            several_policies_are_all_shown_and_charged_all_or_none
            a_cost_that_never_fits_is_denied_without_retry_after
            a_cost_is_charged_as_a_whole
            api_keys_have_limits_of_their_own_and_others_their_addresses
            g9_a_key_that_looks_like_an_address_is_not_that_address
            keys_that_are_not_utf8_are_keys_as_well
            a_repeated_key_is_its_first_line
            a_request_without_its_key_is_refused_and_told_why
            the_answer_to_requests_without_their_key_can_look_different
            x_rate_limit_headers_instead
            x_rate_limit_headers_are_those_of_the_policy_that_leaves_least
            both_dialects_at_once
            headers_can_be_turned_off_but_retry_after_stays
            a_handler_sees_the_decision
            a_closed_outage_is_503_and_not_429
            an_open_outage_admits_and_shows_the_policy
            an_open_outage_shows_no_policy_in_shadow
            an_open_outage_shows_nothing_where_all_is_in_shadow
            a_store_that_takes_time_answers_the_same
            shadow_reports_and_denies_nothing
            clients_are_not_told_of_what_is_in_shadow
            what_a_closed_policy_answers_can_look_different
            forged_forwarding_headers_change_nothing
            trusted_proxies_speak_for_their_clients
            a_peer_that_is_not_trusted_speaks_for_itself
            the_forwarded_field_is_understood
            malformed_forwarding_headers_count_for_the_proxy
            a_known_number_of_proxies_is_counted_from_the_end
            a_known_number_of_proxies_is_counted_in_the_forwarded_field_too
            ipv6_clients_count_by_their_64_and_ipv4_clients_each
            clients_are_grouped_by_the_prefixes_that_were_told
            routes_count_apart_whatever_their_paths
            methods_that_nobody_knows_are_one
            path_parameters_are_keys_in_every_spelling
            parameters_are_found_inside_a_nested_router
            hashed_keys_are_told_apart
            a_function_of_the_request_is_a_key
            allowed_clients_are_not_limited
            bodies_of_unknown_length_pass_and_denied_ones_do_not
            methods_all_count
            preflights_are_exempt_if_wanted
            skipped_requests_neither_count_nor_carry_headers
            only_failures_count_if_wanted
            the_mode_is_shown_if_wanted
            denials_can_look_different
            denials_may_have_no_body
            errors_of_handlers_carry_the_headers_too
            what_a_handler_says_of_limits_stays
            stacked_limiters_both_speak
            a_handler_sees_what_stacked_limiters_decided
            middleware_sees_which_of_stacked_limiters_denied
            a_decision_is_not_told_where_nobody_looks_at_it
            nor_is_one_that_was_waited_for
            middleware_around_it_sees_denials
        }
    };
    ($start:path, $protocol:ident: $($case:ident)*) => {
        $(#[test] fn $case() {
            crate::run::run($start, crate::run::Protocol::$protocol, crate::cases::$case());
        })*
    };
}

/// Makes a test of every case with headers of 64 KiB, which HTTP/2 servers are not obliged to take.
macro_rules! large_exchanges {
    ($start:path) => {
        exchanges! { $start, Http1:
            a_huge_key_is_one_key
            a_huge_forwarding_header_is_read_from_its_end
        }
    };
}

/// Makes a test of everything that is more than requests and their responses.
macro_rules! conversations {
    ($start:path) => {
        conversations! { $start:
            all_connections_share_one_limit
            a_denied_body_is_never_taken_for_a_request
            a_refusal_without_a_body_leaves_the_connection_to_the_next
            an_upgrade_is_counted_and_a_denied_one_is_none
            cors_around_it_answers_preflights_and_lets_scripts_see_denials
            a_handler_that_panics_was_counted_and_harms_nobody_else
            l6_a_client_that_hangs_up_while_the_store_is_asked_counts_at_most_once
            no_response_waits_until_its_cost_is_given_back
            denied_clients_are_told_to_come_back_at_different_times
            names_that_are_no_text_are_refused_and_count_for_nobody
        }
    };
    ($start:path: $($conversation:ident)*) => {
        $(#[test] fn $conversation() {
            crate::conversations::$conversation($start);
        })*
    };
}

mod axum {
    exchanges! { crate::apps::axum::start, Http1 }
    exchanges! { crate::apps::axum::start, Http1: the_host_is_a_key }
    large_exchanges! { crate::apps::axum::start }
    conversations! { crate::apps::axum::start }

    #[test]
    fn whatever_is_in_headers_nobody_else_pays() {
        crate::forgery::whatever_is_in_headers_nobody_else_pays(crate::apps::axum::start);
    }

    #[test]
    fn a_missing_peer_is_an_error_that_says_what_to_add() {
        // actix-web always knows the peers of a TCP socket.
        let start = crate::apps::axum::start_without_peer;
        crate::run::run(start, crate::run::Protocol::Http1, crate::cases::no_peer());
    }
}

mod axum_http10 {
    exchanges! { crate::apps::axum::start, Http10 }
}

mod axum_http2 {
    exchanges! { crate::apps::axum::start, Http2 }
    exchanges! { crate::apps::axum::start, Http2: the_host_is_a_key }
}

mod actix {
    exchanges! { crate::apps::actix::start, Http1 }
    exchanges! { crate::apps::actix::start, Http1: the_host_is_a_key }
    large_exchanges! { crate::apps::actix::start }
    conversations! { crate::apps::actix::start }

    #[test]
    fn whatever_is_in_headers_nobody_else_pays() {
        crate::forgery::whatever_is_in_headers_nobody_else_pays(crate::apps::actix::start);
    }
}

mod actix_http10 {
    exchanges! { crate::apps::actix::start, Http10 }
}

mod actix_http2 {
    exchanges! { crate::apps::actix::start, Http2 }
    exchanges! { crate::apps::actix::start, Http2: the_host_is_a_key }
}
