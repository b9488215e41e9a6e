/* SPDX-License-Identifier: ISC */
/*
 * The wire format of IKEv2 in numbers (RFC 7296 section 3 unless another
 * document is named).  Transform and identity numbers stand in ike.h, because
 * policies are written in them.
 *
 *	IKE header, 28 bytes (section 3.1)
 *	 0  initiator's SPI, 8	 8  responder's SPI, 8
 *	16  next payload  17  version  18  exchange type  19  flags
 *	20  message ID, 4	24  length of all, 4
 *
 *	Generic payload header, 4 bytes (section 3.2)
 *	 0  next payload   1  critical bit (0x80)   2  length with header, 2
 *
 *	Encrypted payload SK (section 3.14) and fragment SKF (RFC 7383 s. 2.5)
 *	 generic header, [SKF: fragment number 2, total 2], IV, ciphertext of
 *	 { payloads, padding, pad length 1 }, ICV
 */
#ifndef LIBIKE_IKE_WIRE_H
#define LIBIKE_IKE_WIRE_H

#define IKE_HDR_LEN		28
#define IKE_PAYLOAD_HDR_LEN	4
#define IKE_SPI_LEN		8	/* of an IKE SA */
#define IKE_ESP_SPI_LEN		4
#define IKE_VERSION		0x20	/* major 2, minor 0 */
#define IKE_CRITICAL		0x80
#define IKE_NONCE_MIN		16	/* section 3.9 */
#define IKE_SKF_HDR_LEN		4	/* fragment number and total */

enum ike_exchange {			/* section 3.1 */
	IKE_X_SA_INIT		= 34,
	IKE_X_AUTH		= 35,
	IKE_X_CREATE_CHILD	= 36,
	IKE_X_INFORMATIONAL	= 37,
};

enum ike_flag {				/* section 3.1 */
	IKE_F_INITIATOR		= 0x08,	/* sender began the IKE SA */
	IKE_F_VERSION		= 0x10,
	IKE_F_RESPONSE		= 0x20,
};

enum ike_payload_type {			/* section 3.2 */
	IKE_P_NONE	= 0,
	IKE_P_SA	= 33,
	IKE_P_KE	= 34,
	IKE_P_IDI	= 35,
	IKE_P_IDR	= 36,
	IKE_P_CERT	= 37,
	IKE_P_CERTREQ	= 38,
	IKE_P_AUTH	= 39,
	IKE_P_NONCE	= 40,
	IKE_P_NOTIFY	= 41,
	IKE_P_DELETE	= 42,
	IKE_P_VENDOR	= 43,
	IKE_P_TSI	= 44,
	IKE_P_TSR	= 45,
	IKE_P_SK	= 46,
	IKE_P_CP	= 47,
	IKE_P_EAP	= 48,
	IKE_P_SKF	= 53,		/* RFC 7383 section 2.5 */
};

enum ike_notify_type {			/* section 3.10.1 */
	IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD	= 1,
	IKE_N_INVALID_IKE_SPI			= 4,
	IKE_N_INVALID_MAJOR_VERSION		= 5,
	IKE_N_INVALID_SYNTAX			= 7,
	IKE_N_INVALID_MESSAGE_ID		= 9,
	IKE_N_INVALID_SPI			= 11,
	IKE_N_NO_PROPOSAL_CHOSEN		= 14,
	IKE_N_INVALID_KE_PAYLOAD		= 17,
	IKE_N_AUTHENTICATION_FAILED		= 24,
	IKE_N_SINGLE_PAIR_REQUIRED		= 34,
	IKE_N_NO_ADDITIONAL_SAS			= 35,
	IKE_N_INTERNAL_ADDRESS_FAILURE		= 36,
	IKE_N_FAILED_CP_REQUIRED		= 37,
	IKE_N_TS_UNACCEPTABLE			= 38,
	IKE_N_INVALID_SELECTORS			= 39,
	IKE_N_TEMPORARY_FAILURE			= 43,
	IKE_N_CHILD_SA_NOT_FOUND		= 44,
	IKE_N_ERROR_MAX				= 16383, /* above: status */
	IKE_N_INITIAL_CONTACT			= 16384,
	IKE_N_SET_WINDOW_SIZE			= 16385,
	IKE_N_ADDITIONAL_TS_POSSIBLE		= 16386,
	IKE_N_NAT_DETECTION_SOURCE_IP		= 16388,
	IKE_N_NAT_DETECTION_DESTINATION_IP	= 16389,
	IKE_N_COOKIE				= 16390,
	IKE_N_USE_TRANSPORT_MODE		= 16391,
	IKE_N_REKEY_SA				= 16393,
	IKE_N_ESP_TFC_PADDING_NOT_SUPPORTED	= 16394,
	IKE_N_NON_FIRST_FRAGMENTS_ALSO		= 16395,
	IKE_N_FRAGMENTATION_SUPPORTED		= 16430, /* RFC 7383 s. 2.3 */
	IKE_N_SIGNATURE_HASH_ALGORITHMS		= 16431, /* RFC 7427 s. 4 */
};

#define IKE_COOKIE_MAX		64	/* section 2.6 */
#define IKE_NAT_HASH_LEN	20	/* SHA-1, section 2.23 */

/* Proposal and transform substructures (sections 3.3.1, 3.3.2). */
#define IKE_PROPOSAL_MORE	2
#define IKE_TRANSFORM_MORE	3
#define IKE_PROPOSAL_HDR_LEN	8
#define IKE_TRANSFORM_HDR_LEN	8
#define IKE_ATTR_TV		0x8000	/* attribute format: value in place */
#define IKE_ATTR_KEY_LENGTH	14	/* section 3.3.5 */

/* Traffic selector types (section 3.13.1). */
#define IKE_TS_IPV4_RANGE	7
#define IKE_TS_IPV6_RANGE	8

#endif
